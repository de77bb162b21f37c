package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	times := flag.Int("times", 1, "how often")
	verbose := flag.Bool("v", false, "say more")
	flag.Parse()
	fmt.Println(*times, *verbose, flag.Args(), len(os.Args))
	value, found := os.LookupEnv("NOPE")
	fmt.Printf("%s %q %v\n", os.Getenv("COLOUR"), value, found)
	defer fmt.Println("never: os.Exit runs no deferred call")
	println("warning")
	fmt.Print("no newline ")
	os.Exit(7)
}
