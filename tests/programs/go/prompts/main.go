package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	var age int
	fmt.Print("How old are you? ")
	fmt.Scanln(&age)
	fmt.Print("What is your name? ")
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	fmt.Printf("\nHello, %s!\nNext year you will be %d\n", in.Text(), age+1)
}
