package main

import (
	_ "embed"
	"fmt"
	"os"

	"program/geometry"
	"program/geometry/text"
)

//go:embed notes/title.txt
var title string

func main() {
	fmt.Print(title)
	for _, shape := range []geometry.Shape{geometry.Circle{Radius: radius}, geometry.NewSquare(4)} {
		fmt.Println(text.Describe(shape))
	}
	notes, err := os.ReadFile("notes/readme.txt")
	fmt.Print(string(notes), err, "\n")
}
