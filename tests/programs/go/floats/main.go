package main

import (
	"fmt"
	"math"
	"strconv"
)

func main() {
	a, b, zero := 0.1, 0.2, 0.0
	fmt.Println(a+b, 0.1+0.2, 1e20, 1e21, 1e-5, 1.0/3, float32(1)/3, 100.0)
	fmt.Println(1/zero, -1/zero, zero/zero, math.NaN() == math.NaN(), math.Copysign(0, -1))
	fmt.Printf("%.2f %10.3e %08.3f %g %v %6.1f|%-8.2f|%+d\n", 2.675, math.E, -math.Pi, 0.00001, 1e6, math.Pi, 1.5, 7)
	fmt.Println(math.Round(2.5), math.RoundToEven(2.5), math.Floor(-1.5), int(math.Trunc(-3.99)), math.Mod(-7, 3), math.Trunc(2.9))
	fmt.Println(7/2, 7/2.0, float64(7)/2, math.Hypot(3, 4), math.Cbrt(27), math.Sqrt(2))
	fmt.Println(strconv.FormatFloat(0.1, 'f', 20, 64), strconv.FormatFloat(1234.5, 'e', 2, 64), math.MaxFloat64)
	parsed, err := strconv.ParseFloat("1e400", 64)
	fmt.Println(parsed, err, complex(1, -2)*1i, real(3+4i))
}
