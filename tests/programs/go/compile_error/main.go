package main

import (
	"fmt"
	"os"
)

func main() {
	count := 3
	var name string = 5
	fmt.Println(nmae)
}
