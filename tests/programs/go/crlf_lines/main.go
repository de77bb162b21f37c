package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	total := 0
	for first := true; in.Scan(); first = false {
		name, amount, found := strings.Cut(in.Text(), ";")
		fmt.Printf("%q %q %v\n", name, amount, found)
		if !first {
			n, err := strconv.Atoi(amount)
			if err != nil {
				fmt.Println(err)
			}
			total += n
		}
	}
	fmt.Println("total", total)
}
