package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

var ErrEmpty = errors.New("empty account")

type AmountError struct{ Amount int }

func (e *AmountError) Error() string { return "cannot take " + strconv.Itoa(e.Amount) }

func withdraw(amount int) error {
	switch {
	case amount < 0:
		return &AmountError{amount}
	case amount > 100:
		return fmt.Errorf("withdraw %d: %w", amount, ErrEmpty)
	}
	return nil
}

func main() {
	for _, amount := range []int{50, -5, 200} {
		err := withdraw(amount)
		var wrong *AmountError
		fmt.Println(err, errors.Is(err, ErrEmpty), errors.As(err, &wrong))
	}
	_, err := strconv.Atoi("12x")
	fmt.Println(err)
	_, err = os.Open("missing.txt")
	fmt.Println(err, errors.Is(err, os.ErrNotExist))
	_, err = strconv.ParseInt("300", 10, 8)
	fmt.Println(err)
	for i := 0; i < 3; i++ {
		defer func(n int) { fmt.Print(n, i, " ") }(i)
	}
}
