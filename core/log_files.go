package mcl

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// This finds the files of logs.

// A piece is one file of a split log.
type piece struct {
	number  int
	path    string
	writing bool
}

// findPieces finds the files of a split log, sorted by their numbers.
func findPieces(prefix string) ([]piece, error) {
	entries, err := os.ReadDir(filepath.Dir(prefix))
	if err != nil {
		return nil, err
	}
	var all []piece
	for _, e := range entries {
		if stem, p, ok := cutPiece(e.Name()); ok && stem == filepath.Base(prefix) && !e.IsDir() {
			p.path = filepath.Join(filepath.Dir(prefix), e.Name())
			all = append(all, p)
		}
	}
	sortPieces(all)
	return all, nil
}

func sortPieces(all []piece) {
	slices.SortFunc(all, func(a, b piece) int {
		if c := cmp.Compare(a.number, b.number); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
}

// cutPiece reads NAME_NNN.log or .tmp: three digits, or more with no zero before them.
func cutPiece(name string) (stem string, p piece, ok bool) {
	name, whole := strings.CutSuffix(name, logDone)
	if !whole {
		if name, p.writing = strings.CutSuffix(name, logWriting); !p.writing {
			return "", p, false
		}
	}
	at := strings.LastIndexByte(name, '_')
	if at <= 0 {
		return "", p, false
	}
	digits := name[at+1:]
	if len(digits) < 3 || len(digits) > 9 || len(digits) > 3 && digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return "", p, false
	}
	p.number, _ = strconv.Atoi(digits)
	return name[:at], p, true
}

// join gives the files of a split log in their order, or an error when one is missing. One that has a header may follow a
// gap: files were lost while it was written, and nothing of them is left.
func join(op, prefix string, all []piece) (files []string, err error) {
	expected := 0
	for i, p := range all {
		if i > 0 && p.number == all[i-1].number {
			continue // a .tmp beside the .log: of a log that takes its place
		}
		if p.number != expected {
			headed, err := beginsWithHeader(op, p.path)
			if err != nil {
				return nil, err
			}
			if !headed {
				missing := fmt.Sprintf("%s_%03d%s", prefix, expected, logDone)
				return nil, &OpError{Op: op, On: missing, Kind: ErrFormat, Err: unix.ENOENT,
					Detail: "this file of a split log is missing, while " + p.path + " is there",
					Remedy: "bring it back, or open the other files one by one by their names"}
			}
		}
		expected = p.number + 1
		files = append(files, p.path)
	}
	return files, nil
}

func beginsWithHeader(op, path string) (bool, error) {
	file, err := openLogFile(op, path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	var first [1]byte
	n, _ := file.Read(first[:])
	return n == 1 && first[0] == '#', nil
}

// findLog finds the files of a log.
func findLog(op, path string) ([]string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return []string{path}, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, logFileError(op, path, err)
	}
	if name := filepath.Base(path); path != "" && !os.IsPathSeparator(path[len(path)-1]) && name != "." && name != ".." {
		for _, end := range []string{logDone, logWriting} {
			if info, err := os.Stat(path + end); err == nil && !info.IsDir() {
				return []string{path + end}, nil
			}
		}
		if pieces, err := findPieces(path); err == nil && len(pieces) > 0 {
			return join(op, path, pieces)
		}
	}
	if err == nil {
		return nil, folderGiven(op, path)
	}
	e := logFileError(op, path, err).(*OpError)
	e.Detail = "there is no such file, nor a log of this prefix"
	return nil, e
}
