package marks

import "testing"

func TestMean(t *testing.T) {
	if Mean([]float64{2, 4}) != 3 {
		t.Fatal("wrong")
	}
}
