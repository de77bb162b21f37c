package main

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

func main() {
	fmt.Println(new(big.Int).MulRange(1, 30))
	fmt.Println(new(big.Int).Exp(big.NewInt(2), big.NewInt(200), nil))
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(18), nil)
	fmt.Println(power.Exp(big.NewInt(3), power, big.NewInt(1_000_000_007)))
	fmt.Println(-7/2, -7%2, 7>>1, -7>>1, 6&^2, 5^1, 1<<10)
	var small int8 = 127
	small++
	var wraps uint32
	wraps--
	fmt.Println(small, wraps, math.MaxInt64, uint64(math.MaxUint64), int8(math.MinInt8))
	parsed, ok := new(big.Int).SetString("ff", 16)
	fmt.Println(parsed, ok, big.NewRat(3, 4).Add(big.NewRat(3, 4), big.NewRat(1, 5)), big.NewInt(1_000_000_007).ProbablyPrime(10))
	fmt.Printf("%b %o %x %X %#x %08b %c %U\n", 10, 64, 255, 255, 255, 5, 'é', 'é')
	fmt.Println(strconv.FormatInt(-255, 16), bits.OnesCount(255), bits.Len(1023), 0b101, 0o17, 1_000)
}
