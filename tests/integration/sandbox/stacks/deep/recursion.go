package main

import "fmt"

func down(n int) int {
	if n == 0 {
		return 0
	}
	return down(n-1) + 1
}

func main() {
	if down(200000) == 200000 {
		fmt.Println("well")
	}
}
