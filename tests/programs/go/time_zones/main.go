package main

import (
	"fmt"
	"time"
)

func main() {
	noon := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, name := range []string{"Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(noon.In(zone))
	}
	fmt.Println(noon.Local(), time.Local)
	_, err := time.LoadLocation("Nowhere/City")
	fmt.Println(err)
}
