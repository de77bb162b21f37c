package main

import (
	_ "embed"
	"fmt"
)

//go:embed @SECRET_FILE@
var secret string

func main() { fmt.Print("attempted ", secret) }
