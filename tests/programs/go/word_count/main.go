package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strings"
	"unicode"
)

func main() {
	counts := map[string]int{}
	in := bufio.NewScanner(os.Stdin)
	in.Split(bufio.ScanWords)
	for in.Scan() {
		word := strings.TrimFunc(strings.ToLower(in.Text()), func(r rune) bool { return !unicode.IsLetter(r) })
		counts[word]++
	}
	words := make([]string, 0)
	for word := range counts {
		words = append(words, word)
	}
	sort.Slice(words, func(i, j int) bool {
		return counts[words[i]] > counts[words[j]] || counts[words[i]] == counts[words[j]] && words[i] < words[j]
	})
	for _, word := range words[:4] {
		fmt.Printf("%-10s%3d\n", word, counts[word])
	}
	delete(counts, "the")
	_, found := counts["the"]
	fmt.Println(counts, len(counts), found)
	fmt.Println(strings.Fields("  a  b "), strings.Repeat("ab", 3), strings.Contains("seafood", "foo"), strings.Index("chicken", "ken"))
	replacer := strings.NewReplacer("<", "&lt;", ">", "&gt;")
	fmt.Println(replacer.Replace("<b>"), strings.Map(func(r rune) rune { return r + 1 }, "HAL"), strings.SplitAfter("a,b", ","))
	var builder strings.Builder
	for i := 3; i > 0; i-- {
		fmt.Fprintf(&builder, "%d...", i)
	}
	fmt.Println(builder.String(), builder.Len())
}
