package main

import "fmt"

func init() { fmt.Println("init") }

func helper() { fmt.Println("helper") }
