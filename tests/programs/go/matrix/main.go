package main

import "fmt"

func main() {
	var n, m int
	fmt.Scan(&n, &m)
	matrix := make([][]int, n)
	for r := range matrix {
		matrix[r] = make([]int, m)
		for c := range matrix[r] {
			fmt.Scan(&matrix[r][c])
		}
	}
	for c := 0; c < m; c++ {
		for r := 0; r < n; r++ {
			fmt.Print(matrix[r][c], " ")
		}
		fmt.Println()
	}
	var product [3][3]int
	for i := range product {
		for j := range product[i] {
			for k := 0; k < m; k++ {
				product[i][j] += matrix[i][k] * matrix[j][k]
			}
		}
		fmt.Printf("%5d\n", product[i])
	}
	fmt.Println(matrix, product)
}
