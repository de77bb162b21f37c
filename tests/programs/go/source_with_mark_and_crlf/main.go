package main

import "fmt"

func main() {
	fmt.Printf("%q\n", `two
lines Åsa`)
}