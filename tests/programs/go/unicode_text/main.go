package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

func reverse(text string) string {
	runes := []rune(text)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

func main() {
	in := bufio.NewReader(os.Stdin)
	text, _ := in.ReadString('\n')
	text = strings.TrimRight(text, "\n")
	fmt.Println(len(text), utf8.RuneCountInString(text))
	fmt.Println(reverse(text))
	fmt.Println(strings.ToUpper(text), strings.Title("élan vital"))
	letters, _ := in.ReadString('\n')
	for at, letter := range strings.TrimSpace(letters) {
		fmt.Printf("%d %U %q %v\n", at, letter, letter, unicode.IsLetter(letter))
	}
	größe := "\xff" + "é"
	fmt.Println(utf8.ValidString(größe), []byte("é"), string(rune(0x1F389)), strings.EqualFold("ÅSA", "åsa"))
}
