// Package main is libmcl.so: the functions of include/mcl.h over package mcl.
package main

import "C"

func main() {}
