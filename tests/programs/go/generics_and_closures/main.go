package main

import "fmt"

type Number interface {
	~int | ~int64 | ~float64
}

func Sum[T Number](values ...T) (total T) {
	for _, value := range values {
		total += value
	}
	return
}

func Map[A, B any](values []A, f func(A) B) []B {
	result := make([]B, 0, len(values))
	for _, value := range values {
		result = append(result, f(value))
	}
	return result
}

type Stack[T any] struct{ items []T }

func (s *Stack[T]) Push(item T) { s.items = append(s.items, item) }
func (s *Stack[T]) Pop() (item T, ok bool) {
	if len(s.items) == 0 {
		return
	}
	item, s.items = s.items[len(s.items)-1], s.items[:len(s.items)-1]
	return item, true
}

type Pair[K comparable, V any] struct {
	Key   K
	Value V
}

func counter() func() int {
	count := 0
	return func() int { count++; return count }
}

type Celsius float64

func main() {
	fmt.Println(Sum(1, 2, 3), Sum(1.5, 2.0), Sum[Celsius](20, 0.5))
	fmt.Println(Map([]int{1, 2, 3}, func(n int) string { return fmt.Sprint(n * n) }))
	stack := &Stack[string]{}
	stack.Push("a")
	stack.Push("b")
	fmt.Println(stack.Pop())
	fmt.Println(stack.Pop())
	fmt.Println(stack.Pop())
	fmt.Printf("%+v\n", Pair[string, int]{"x", 1})
	next, other := counter(), counter()
	next()
	fmt.Println(next(), other())
	var functions []func() int
	for i := 0; i < 3; i++ {
		i := i
		functions = append(functions, func() int { return i * 10 })
	}
	for _, f := range functions {
		fmt.Print(f(), " ")
	}
	values := []int{1, 2, 3, 4, 5}
	part := values[1:3]
	part = append(part, 99)
	fmt.Println(values, len(part), cap(part), values[len(values)-1:], copy(values, values[2:]), values)
outer:
	for i := 0; i < 3; i++ {
		for j := 0; ; j++ {
			if j == 2 {
				continue outer
			}
			if i == 2 {
				break outer
			}
			fmt.Print(i, j, ";")
		}
	}
	switch n := 5; {
	case n > 3:
		fmt.Print("big ")
		fallthrough
	case n > 10:
		fmt.Print("fell ")
	default:
		fmt.Print("no")
	}
	array := [3]int{1, 2, 3}
	same := array
	same[0] = 9
	fmt.Println(array, same, array == [...]int{1, 2, 3})
}
