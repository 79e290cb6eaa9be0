// What tests/bench/schedule.c measures, of robfig/cron: how long a pattern takes to be read, and its next instant to be found.
// Prints JSON. Of the patterns there these are the ones that it knows.
package main

import (
	"fmt"
	"time"

	"github.com/robfig/cron"
)

const (
	rounds  = 200000
	repeats = 7
)

var common = []string{"* * * * *", "*/15 * * * *", "0 9 * * 1-5", "30 2 1 * *", "0 0 * * sun", "5 4 1,15 * fri"}

func parse(text string) cron.Schedule {
	schedule, err := cron.ParseStandard(text)
	if err != nil {
		panic(err)
	}
	return schedule
}

func parseNs() float64 {
	begin := time.Now()
	for i := 0; i < rounds; i++ {
		parse(common[i%len(common)])
	}
	return float64(time.Since(begin).Nanoseconds()) / rounds
}

// From times all over ten years, as there.
func nextNs(zone *time.Location) float64 {
	var schedules []cron.Schedule
	var sum int64
	after := int64(1767225600)
	for _, text := range common {
		schedules = append(schedules, parse(text))
	}
	begin := time.Now()
	for i := 0; i < rounds; i++ {
		after = 1767225600 + (after*48271+11)%315360000
		sum += schedules[i%len(schedules)].Next(time.Unix(after, 0).In(zone)).Unix()
	}
	if sum == 0 {
		panic("nothing fires")
	}
	return float64(time.Since(begin).Nanoseconds()) / rounds
}

func bestOf(measure func() float64) float64 {
	best := measure()
	for i := 1; i < repeats; i++ {
		if ns := measure(); ns < best {
			best = ns
		}
	}
	return best
}

func main() {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		panic(err)
	}
	fmt.Printf("{\"parse_ns\":%.1f,\"utc_ns\":%.1f,\"zoned_ns\":%.1f}\n", bestOf(parseNs),
		bestOf(func() float64 { return nextNs(time.UTC) }), bestOf(func() float64 { return nextNs(zone) }))
}
