package main

import (
	"fmt"
	"time"
)

func main() {
	day := time.Date(2024, time.February, 27, 0, 0, 0, 0, time.UTC)
	for i := 0; i < 4; i++ {
		fmt.Println(day.AddDate(0, 0, i).Format("2006-01-02 Mon"))
	}
	fmt.Println(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Sub(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).Hours() / 24)
	moment, err := time.Parse("02/01/2006 15:04:05", "31/12/2023 23:59:30")
	fmt.Println(moment.Add(75*time.Second), err)
	fmt.Println(time.Duration(8_100_500)*time.Microsecond, time.Unix(1_700_000_000, 0).UTC().Format(time.RFC3339))
	_, err = time.Parse("2006-01-02", "2023-02-29")
	fmt.Println(err)
	year, week := day.ISOWeek()
	fmt.Println(year, week, day.YearDay(), day.Weekday(), day.Month(), time.Time{}.IsZero())
	length, _ := time.ParseDuration("1h15m30.918s")
	fmt.Println(length, length.Round(time.Minute), length.Seconds())
}
