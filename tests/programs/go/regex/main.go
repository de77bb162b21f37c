package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
)

func main() {
	raw, _ := io.ReadAll(os.Stdin)
	text := string(raw)
	fmt.Println(regexp.MustCompile(`\b[\w.]+@[\w.]+\.\w+\b`).FindAllString(text, -1))
	date := regexp.MustCompile(`(?P<year>\d{4})-(?P<month>\d\d)-(\d\d)`)
	for _, match := range date.FindAllStringSubmatch(text, -1) {
		fmt.Printf("%q %s\n", match, match[date.SubexpIndex("month")])
	}
	fmt.Println(regexp.MustCompile(`(\w+) (\w+)`).ReplaceAllString("hello world", "$2 $1"))
	fmt.Println(regexp.MustCompile(`[,;]\s*`).Split("a, b;c,d", -1))
	fmt.Println(regexp.MustCompile(`\d+`).ReplaceAllStringFunc("3 apples, 12 pears", func(digits string) string {
		n, _ := strconv.Atoi(digits)
		return strconv.Itoa(n * 2)
	}))
	fmt.Println(regexp.MatchString(`^\p{Lu}\p{Ll}+$`, "Écrit"))
	_, err := regexp.Compile(`a(b`)
	fmt.Println(err)
}
