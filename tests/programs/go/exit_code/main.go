package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
)

func main() {
	balance := 100
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		amount, err := strconv.Atoi(in.Text())
		if err != nil {
			panic(err)
		}
		if amount > balance {
			fmt.Fprintln(os.Stderr, "not enough money:", balance, "left")
			os.Exit(3)
		}
		balance -= amount
		fmt.Println("paid", amount)
	}
	fmt.Println("done")
}
