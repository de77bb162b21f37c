package main

import (
	"errors"
	"fmt"
)

func index(values []int, at int) (value int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered: %v", r)
		}
	}()
	return values[at], nil
}

func main() {
	defer fmt.Println("deferred")
	fmt.Println(index([]int{1, 2}, 1))
	fmt.Println(index([]int{1, 2}, 5))
	var missing map[string]int
	fmt.Println(missing["x"], len(missing))
	panic(errors.New("out of luck"))
}
