package site

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"kapija/internal/cardformat"
)

// position is where a value stands in its file.
type position struct{ line, column int }

// entry names a value inside a map, whose elements have no address of their own. Field is empty for the element.
type entry struct{ section, id, field string }

// document is one YAML file while it is decoded and checked. Unlike a plain unmarshal it keeps going after a problem
// and remembers where each value stands.
type document struct {
	file     string
	at       map[any]position // key: pointer to the Go value, or an entry
	failed   map[any]bool     // values that could not be decoded: further problems with them say nothing new
	problems Problems

	cards     *cardformat.Set // the card formats of the district
	cardNames []string        // their names, and those of formats that have problems
}

// decode reads src into v, a pointer to a struct.
func decode(file string, src []byte, v any) *document {
	d := &document{file: file, at: map[any]position{}, failed: map[any]bool{}}
	tree, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return d
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		d.add(position{}, "the file is empty")
		d.failed[v] = true
		return d
	}
	if len(tree.Docs) > 1 {
		d.add(position{}, "found %d YAML documents, expected one: remove the lines ---", len(tree.Docs))
	}
	d.value(tree.Docs[0].Body, reflect.ValueOf(v).Elem(), "")
	return d
}

func (d *document) syntax(err error) {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		d.add(place(e.GetToken()), "not YAML: %s", e.GetMessage())
		return
	}
	d.add(position{}, "not YAML: %s", strings.TrimSpace(err.Error()))
}

func (d *document) add(p position, format string, args ...any) {
	d.problems = append(d.problems, Problem{d.file, p.line, p.column, fmt.Sprintf(format, args...)})
}

// say adds a problem with the first of the values that stands in the file.
func (d *document) say(values []any, format string, args ...any) {
	for _, v := range values {
		if d.failed[v] {
			return
		}
	}
	var p position
	for _, v := range values {
		if at, ok := d.at[v]; ok {
			p = at
			break
		}
	}
	d.add(p, format, args...)
}

// in lists where to look for a value's place: its own, then its parents'.
func in(values ...any) []any { return values }

// err is all problems, or nil.
func (d *document) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	d.problems.sort()
	return d.problems
}

func (d *document) value(n ast.Node, v reflect.Value, section string) {
	p := v.Addr().Interface()
	d.at[p] = start(n)
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.fail(p, "anchors, aliases and tags are not read here: write the value out")
		return
	case *ast.NullNode:
		d.fail(p, "there is no value: expected %s, or leave the key out", want(v.Type()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.fields(n, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), section)
	case reflect.Slice, reflect.Array:
		d.list(n, v)
	case reflect.Map:
		d.entries(n, v, section)
	default:
		d.scalar(n, v)
	}
}

func (d *document) fail(p any, format string, args ...any) {
	d.add(d.at[p], format, args...)
	d.failed[p] = true
}

// pairs are the keys and values of a mapping, without those that are given twice.
func (d *document) pairs(n ast.Node, v reflect.Value) (pairs []*ast.MappingValueNode, ok bool) {
	var all []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		all = n.Values
	case *ast.MappingValueNode:
		all = []*ast.MappingValueNode{n}
	default:
		d.fail(v.Addr().Interface(), "found %s, expected %s", found(n), want(v.Type()))
		return nil, false
	}
	first := map[string]position{}
	for _, kv := range all {
		k := kv.Key.GetToken().Value
		at := place(kv.Key.GetToken())
		if _, plain := kv.Key.(*ast.StringNode); !plain {
			if _, number := kv.Key.(*ast.IntegerNode); !number {
				d.add(at, "found the key %q, expected a plain word", k)
				continue
			}
		}
		if was, twice := first[k]; twice {
			d.add(at, "key %q is given twice; the first is in line %d", k, was.line)
			continue
		}
		first[k] = at
		pairs = append(pairs, kv)
	}
	return pairs, true
}

func (d *document) fields(n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(n, v)
	if !ok {
		return
	}
	known, keys := map[string]reflect.Value{}, []string{}
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if key != "" && key != "-" {
			known[key] = v.Field(i)
			keys = append(keys, key)
		}
	}
	for _, kv := range pairs {
		k := kv.Key.GetToken().Value
		if f, ok := known[k]; ok {
			d.value(kv.Value, f, k)
			continue
		}
		d.add(place(kv.Key.GetToken()), "unknown key %q%s; keys allowed here are %s", k, suggest(k, keys), list(keys))
	}
}

func (d *document) entries(n ast.Node, v reflect.Value, section string) {
	pairs, ok := d.pairs(n, v)
	if !ok {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, kv := range pairs {
		id := kv.Key.GetToken().Value
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(kv.Value, elem, section)
		v.SetMapIndex(reflect.ValueOf(id), elem)
		key := entry{section, id, ""}
		d.at[key] = place(kv.Key.GetToken())
		d.failed[key] = d.failed[elem.Addr().Interface()]
		for i := range elem.NumField() {
			f := elem.Field(i).Addr().Interface()
			if at, ok := d.at[f]; ok {
				key.field = elem.Type().Field(i).Tag.Get("yaml")
				d.at[key], d.failed[key] = at, d.failed[f]
			}
		}
	}
}

func (d *document) list(n ast.Node, v reflect.Value) {
	p := v.Addr().Interface()
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(p, "found %s, expected %s", found(n), want(v.Type()))
		return
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	} else if len(seq.Values) != v.Len() {
		d.fail(p, "found a list of %d, expected %s", len(seq.Values), want(v.Type()))
		return
	}
	for i, item := range seq.Values {
		e := v.Index(i)
		if e.Kind() == reflect.Pointer {
			e.Set(reflect.New(e.Type().Elem()))
			e = e.Elem()
		}
		d.value(item, e, "")
	}
}

// start is where a node begins. A block of keys begins at its first key, not at the colon that its token is.
func start(n ast.Node) position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return start(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return start(n.Key)
	}
	return place(n.GetToken())
}

func place(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}
