package main

import "fmt"

type Node struct {
	value int
	next  *Node
}

func main() {
	for node := (&Node{1, &Node{2, nil}}); ; node = node.next {
		fmt.Println(node.value)
	}
}
