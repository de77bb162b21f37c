package text

import (
	"fmt"

	"program/geometry"
)

func Describe(shape geometry.Shape) string {
	return fmt.Sprintf("%17T: %.2f", shape, shape.Area())
}
