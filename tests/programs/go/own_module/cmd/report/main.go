package main

import (
	"fmt"
	"os"

	"example.org/school/internal/marks"
)

func main() {
	fmt.Println(marks.Mean([]float64{4, 5, 6}), len(os.Args))
	helper()
}
