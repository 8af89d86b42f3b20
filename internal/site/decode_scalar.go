package site

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/goccy/go-yaml/ast"
)

func (d *document) scalar(n ast.Node, v reflect.Value) {
	ok := false
	switch x := n.(type) {
	case *ast.StringNode:
		ok = setText(v, x.Value)
	case *ast.LiteralNode:
		ok = setText(v, x.Value.Value)
	case *ast.BoolNode:
		if ok = v.Kind() == reflect.Bool; ok {
			v.SetBool(x.Value)
		}
	case *ast.FloatNode:
		if ok = v.Kind() == reflect.Float64 && !math.IsInf(x.Value, 0); ok {
			v.SetFloat(x.Value)
		}
	case *ast.IntegerNode:
		ok = setInteger(v, x)
	}
	if !ok {
		d.fail(v.Addr().Interface(), "found %s, expected %s", found(n), want(v.Type()))
	}
}

func setText(v reflect.Value, s string) bool {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		t, err := time.ParseDuration(s)
		v.SetInt(int64(t))
		return err == nil
	}
	if v.Kind() == reflect.String {
		v.SetString(s)
	}
	return v.Kind() == reflect.String
}

func setInteger(v reflect.Value, x *ast.IntegerNode) bool {
	var i int64
	switch n := x.Value.(type) {
	case int64:
		i = n
	case uint64:
		if n > math.MaxInt64 {
			return false
		}
		i = int64(n)
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return false
	case v.Kind() == reflect.String:
		v.SetString(x.Token.Value)
	case v.Kind() == reflect.Float64:
		v.SetFloat(float64(i))
	case v.Kind() == reflect.Int && !v.OverflowInt(i):
		v.SetInt(i)
	case v.Kind() == reflect.Uint16 && i >= 0 && !v.OverflowUint(uint64(i)):
		v.SetUint(uint64(i))
	default:
		return false
	}
	return true
}

// found says what a node is, in the words of somebody who reads the file.
func found(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a block of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.LiteralNode:
		return "a text of several lines"
	default:
		return fmt.Sprintf("%q", n.GetToken().Value)
	}
}

// want says what a value of type t looks like in the file.
func want(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration with its unit, such as 5s or 20ms"
	case t == reflect.TypeFor[Point]():
		return "a point [x, y] in metres"
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Pointer, reflect.Struct, reflect.Map:
		return "a block of keys"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Uint16:
		return "a whole number from 0 to 65535"
	case reflect.Int:
		return "a whole number"
	}
	return "a text"
}
