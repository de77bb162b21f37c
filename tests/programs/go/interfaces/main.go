package main

import (
	"fmt"
	"strings"
)

type Speaker interface{ Speak() string }

type Animal struct{ Name string }

func (a Animal) Speak() string   { return "..." }
func (a *Animal) Rename(n string) { a.Name = n }
func (a Animal) String() string  { return "<" + a.Name + ">" }

type Dog struct {
	Animal
	Tricks []string
}

func (d Dog) Speak() string { return "Woof" + d.Animal.Speak() }

type Loud struct{ Speaker }

func (l Loud) Speak() string { return strings.ToUpper(l.Speaker.Speak()) }

type Level int

const (
	Low Level = iota + 1
	_
	High
)

func (l Level) String() string { return [...]string{"?", "low", "middle", "high"}[l] }

func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case int, int64:
		return fmt.Sprintf("number %v", v)
	case string:
		return "text " + v
	case []int:
		return fmt.Sprint("list of ", len(v))
	case error:
		return "error " + v.Error()
	case fmt.Stringer:
		return "stringer " + v.String()
	default:
		return fmt.Sprintf("%T", v)
	}
}

func main() {
	rex := Dog{Animal{"Rex"}, []string{"sit"}}
	rex.Rename("Max")
	fmt.Println(rex, rex.Speak(), Loud{rex}.Speak(), Loud{Loud{rex.Animal}}.Speak())
	fmt.Println(High, Low, fmt.Sprintf("%d %v", High, Level(2)))
	for _, value := range []any{nil, 1, "x", []int{1, 2}, fmt.Errorf("bad"), High, 2.5, struct{ A int }{1}} {
		fmt.Println(describe(value))
	}
	var speaker Speaker = rex
	_, isLoud := speaker.(Loud)
	dog, isDog := speaker.(Dog)
	fmt.Println(isLoud, isDog, dog.Tricks, &rex == &rex, Animal{"a"} == Animal{"a"})
	fmt.Printf("%v %+v %#v %T\n", dog.Tricks, struct {
		X int
		Y string
	}{1, "y"}, []string{"a"}, dog)
	method := rex.Animal.String
	fmt.Println(method())
}
