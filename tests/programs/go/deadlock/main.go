package main

import "fmt"

func main() {
	channel := make(chan int)
	fmt.Println("waiting")
	channel <- 1
	fmt.Println("never")
}
