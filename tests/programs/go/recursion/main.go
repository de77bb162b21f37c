package main

import "fmt"

type Tree struct {
	Left, Right *Tree
	Value       int
}

func (t *Tree) Insert(value int) *Tree {
	if t == nil {
		return &Tree{Value: value}
	}
	if value < t.Value {
		t.Left = t.Left.Insert(value)
	} else {
		t.Right = t.Right.Insert(value)
	}
	return t
}

func (t *Tree) Walk(visit func(int)) {
	if t != nil {
		t.Left.Walk(visit)
		visit(t.Value)
		t.Right.Walk(visit)
	}
}

func hanoi(n int, a, b, c string) int {
	if n == 0 {
		return 0
	}
	return hanoi(n-1, a, c, b) + 1 + hanoi(n-1, c, b, a)
}

func depth(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + depth(n-1)
}

func permute(prefix, rest string, all *[]string) {
	if rest == "" {
		*all = append(*all, prefix)
	}
	for i := range rest {
		permute(prefix+rest[i:i+1], rest[:i]+rest[i+1:], all)
	}
}

func main() {
	fmt.Println(hanoi(16, "A", "B", "C"), depth(1_000_000))
	var tree *Tree
	for _, n := range []int{5, 2, 8, 1, 9, 3} {
		tree = tree.Insert(n)
	}
	tree.Walk(func(n int) { fmt.Print(n, " ") })
	var all []string
	permute("", "abc", &all)
	fmt.Println(all)
	known := map[int]int{}
	var fib func(int) int
	fib = func(n int) int {
		if n < 2 {
			return n
		}
		if found, ok := known[n]; ok {
			return found
		}
		known[n] = fib(n-1) + fib(n-2)
		return known[n]
	}
	fmt.Println(fib(90))
}
