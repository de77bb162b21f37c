package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for row := 1; row <= 2500; row++ {
		fmt.Fprintln(out, row, row*row, strings.Repeat("-", row%60))
	}
}
