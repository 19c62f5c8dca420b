//go:build race

package mcl

const raceEnabled = true
