package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	in := bufio.NewReader(os.Stdin)
	var count, sum, low, high int
	for {
		var n int
		_, err := fmt.Fscan(in, &n)
		if err == io.EOF {
			break
		}
		if count == 0 || n < low {
			low = n
		}
		if count == 0 || n > high {
			high = n
		}
		count++
		sum += n
	}
	fmt.Println(count, sum, low, high)
	fmt.Printf("mean %.3f\n", float64(sum)/float64(count))
}
