package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// The contract of Decide names every reason that there is.
func TestContractNamesEveryReason(t *testing.T) {
	fset := token.NewFileSet()
	decide, err := parser.ParseFile(fset, "decide.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	events, err := parser.ParseFile(fset, "../event/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	contract := ""
	for _, d := range decide.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "Decide" {
			contract = f.Doc.Text()
		}
	}
	reasons := 0
	ast.Inspect(events, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		if kind, ok := v.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
			return true
		}
		name, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		reasons++
		if !strings.Contains(contract, name) {
			t.Errorf("reason %s is not in the contract of Decide", name)
		}
		return true
	})
	if reasons < 20 {
		t.Errorf("found %d reasons", reasons)
	}
}
