package vector

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

// dimension is that of Qwen3-Embedding-4B.
const dimension = 2560

// unitVector returns a random vector of norm 1.
func unitVector(seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, dimension)
	var sum float64
	for i := range x {
		x[i] = float32(random.NormFloat64())
		sum += float64(x[i]) * float64(x[i])
	}
	for i := range x {
		x[i] /= float32(math.Sqrt(sum))
	}
	return x
}

// jsonVector returns x as Python servers print it: every float32 widened to float64.
func jsonVector(x []float32) []byte {
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	out, err := json.Marshal(wide)
	if err != nil {
		panic(err)
	}
	return out
}

func base64Vector(x []float32) []byte {
	return base64.StdEncoding.AppendEncode(nil, AppendFloat32s(nil, x))
}

func reportVectors(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "vectors/s")
	b.ReportAllocs()
}

func BenchmarkJSON(b *testing.B) {
	// Many vectors in turn: the branch predictor would learn the digits of a single one.
	const vectors = 64
	forms := []struct {
		name string
		src  [vectors][]byte
	}{{name: "float64_digits"}, {name: "float32_digits"}}
	for i := range vectors {
		x := unitVector(uint64(i))
		short, err := json.Marshal(x)
		if err != nil {
			b.Fatal(err)
		}
		forms[0].src[i], forms[1].src[i] = jsonVector(x), short
	}
	for _, form := range forms {
		size := 0
		for _, src := range form.src {
			size += len(src)
		}
		dst := make([]float32, 0, dimension)
		run := func(name string, decode func(src []byte) error) {
			b.Run(form.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(size / vectors))
				for i := 0; b.Loop(); i++ {
					if err := decode(form.src[i%vectors]); err != nil {
						b.Fatal(err)
					}
				}
				reportVectors(b)
			})
		}
		run("AppendJSON", func(src []byte) error {
			_, _, err := AppendJSON(dst, src)
			return err
		})
		run("encoding_json", func(src []byte) error {
			return json.Unmarshal(src, &dst)
		})
	}
}

func BenchmarkBase64(b *testing.B) {
	src := base64Vector(unitVector(1))
	b.Run("AppendBase64", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		dst := make([]float32, 0, dimension)
		for b.Loop() {
			if _, err := AppendBase64(dst, src); err != nil {
				b.Fatal(err)
			}
		}
		reportVectors(b)
	})
	b.Run("encoding_base64_loop", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		dst := make([]float32, 0, dimension)
		raw := make([]byte, base64.StdEncoding.DecodedLen(len(src)))
		for b.Loop() {
			n, err := base64.StdEncoding.Decode(raw, src)
			if err != nil {
				b.Fatal(err)
			}
			AppendBytes(dst, raw[:n])
		}
		reportVectors(b)
	})
}

func BenchmarkMeasure(b *testing.B) {
	x, r := unitVector(1), unitVector(2)
	b.Run("Measure", func(b *testing.B) {
		b.SetBytes(dimension * ElementSize)
		for b.Loop() {
			Measure(x, r)
		}
		reportVectors(b)
	})
	b.Run("scalar_loop", func(b *testing.B) {
		b.SetBytes(dimension * ElementSize)
		for b.Loop() {
			measureScalar(x, r)
		}
		reportVectors(b)
	})
}

// BenchmarkAddTo compares with the loop of compiled Go, which takes as long unrolled by four or eight.
func BenchmarkAddTo(b *testing.B) {
	x, sum := unitVector(1), make([]float64, dimension)
	b.Run("assembly", func(b *testing.B) {
		b.SetBytes(dimension * ElementSize)
		for b.Loop() {
			AddTo(sum, x)
		}
		reportVectors(b)
	})
	b.Run("go", func(b *testing.B) {
		b.SetBytes(dimension * ElementSize)
		for b.Loop() {
			sum := sum[:len(x)]
			for i, v := range x {
				sum[i] += float64(v)
			}
		}
		reportVectors(b)
	})
}
