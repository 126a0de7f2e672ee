// Command asm generates the assembly of package vector: go generate in its folder.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Elements of a round of the loop: four registers of four float64.
const (
	registers = 4
	lanes     = 4
	round     = registers * lanes
)

func main() {
	TEXT("addTo", NOSPLIT, "func(sum *float64, x *float32, rounds int)")
	Doc("addTo adds 16 elements of x to those of sum in each of rounds, of which there is at least one. It takes AVX.")
	Pragma("noescape")
	sum, x, rounds := Load(Param("sum"), GP64()), Load(Param("x"), GP64()), Load(Param("rounds"), GP64())
	Label("loop")
	for i := range registers {
		y := YMM()
		VCVTPS2PD(Mem{Base: x, Disp: 4 * lanes * i}, y)
		VADDPD(Mem{Base: sum, Disp: 8 * lanes * i}, y, y)
		VMOVUPD(y, Mem{Base: sum, Disp: 8 * lanes * i})
	}
	ADDQ(Imm(4*round), x)
	ADDQ(Imm(8*round), sum)
	DECQ(rounds)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
	Generate()
}
