package fakenvml

import "fmt"

// Healthy returns a host with a number of GPUs that answer every call with values that stay the same, without MIG and
// without events. Most values tell the GPUs apart; they are, for GPU i:
//
//   - memory 81,920 MiB, of which 512 MiB are reserved and 7,680·(i+1) MiB used; BAR1 131,072 MiB, used 10·(i+1) MiB
//   - utilization GPU 25·(i+1) %, memory 5·(i+1) %, encoder (i+1) %, decoder (i+2) %, the same in all 71 samples of
//     200 ms that the driver keeps
//   - 40+i °C, 50-i °C below the slowdown, thresholds 95 (shutdown), 90 (slowdown), 105 (memory), 87 (GPU) °C
//   - 100·(i+1) W, limits 700+100·i W (enforced and default), 200 W (lowest) and 1,000+100·i W (highest)
//   - 1,000·(i+1) J since the driver was loaded
//   - clocks graphics 1,200+i, SM 1,300+i, memory 2,600+i, video 1,100+i MHz, the greatest 500 MHz more; state P(i)
//   - two fans at 30+i and 35+i %
//   - i+2 rows remapped for correctable and i+1 for uncorrectable errors, none pending or failed
//   - violation time of policy p (p+1)·(i+1) s
//   - the fields of nvmlDeviceGetFieldValues that fields lists
//   - processes 1000+10·i with 2,048 MiB and 1001+10·i with 1,024 MiB, both compute, utilization SM 20+i and 10+i %,
//     memory 4 and 2 %
//   - GPM metrics 1 (25·(i+1) %), 2 (20.5+i %), 3 (30.25+i %), 5 (10.5+i %), 10 (15.75+i %), 20, 21 (100.5+i and
//     200.5+i MiB/s), 60, 61 (300.5+i and 400.5+i MiB/s)
//
// What has a limit begins again before it: GPU and memory utilization with GPU 4, memory used with GPU 10, the state
// with GPU 16.
func Healthy(gpus int) Scenario {
	s := Scenario{}
	s.Set("driver.version", "580.82.07")
	s.Set("cuda.version", 13000)
	s.Set("gpu.count", gpus)
	for i := range gpus {
		s.setIdentity(i)
		s.setMemory(i)
		s.setUtilization(i)
		s.setThermal(i)
		s.setPower(i)
		s.setHealth(i)
		s.setProcesses(i)
		s.setGPM(fmt.Sprintf("gpu.%d", i), float64(25*(i%4+1)), float64(i))
		s.SetGPU(i, "gpm.supported", 1)
		s.SetGPU(i, "events.supported", "0x18")
	}
	return s
}

func (s Scenario) setIdentity(i int) {
	s.SetGPU(i, "uuid", fmt.Sprintf("GPU-00000000-0000-4000-8000-%012d", i))
	s.SetGPU(i, "name", "NVIDIA Fake 80GB")
	s.SetGPU(i, "serial", fmt.Sprintf("%013d", i))
	s.SetGPU(i, "minor", i)
	s.SetGPU(i, "pci.bus_id", fmt.Sprintf("00000000:%02X:00.0", i+1))
}

func (s Scenario) setMemory(i int) {
	s.SetGPU(i, "memory.total", uint64(81920)<<20)
	s.SetGPU(i, "memory.reserved", uint64(512)<<20)
	s.SetGPU(i, "memory.used", uint64(7680*(i%10+1))<<20)
	s.SetGPU(i, "bar1.total", uint64(131072)<<20)
	s.SetGPU(i, "bar1.used", uint64(10*(i+1))<<20)
}

func (s Scenario) setUtilization(i int) {
	for name, percent := range map[string]int{
		"gpu": 25 * (i%4 + 1), "memory": 5 * (i%4 + 1), "encoder": i + 1, "decoder": i + 2,
	} {
		s.SetGPU(i, "utilization."+name, percent)
		s.SetGPU(i, "samples."+name, fmt.Sprintf("every 200000 keep 71 values %d", percent))
	}
}

func (s Scenario) setThermal(i int) {
	s.SetGPU(i, "temperature", 40+i)
	s.SetGPU(i, "temperature.margin", 50-i)
	for threshold, celsius := range []int{95, 90, 105, 87} {
		s.SetGPU(i, fmt.Sprintf("threshold.%d", threshold), celsius)
	}
	s.SetGPU(i, "fan.count", 2)
	s.SetGPU(i, "fan.0.speed", 30+i)
	s.SetGPU(i, "fan.1.speed", 35+i)
}

func (s Scenario) setPower(i int) {
	s.SetGPU(i, "power", 100_000*(i+1))
	s.SetGPU(i, "power.limit.enforced", 700_000+100_000*i)
	s.SetGPU(i, "power.limit.default", 700_000+100_000*i)
	s.SetGPU(i, "power.limit.min", 200_000)
	s.SetGPU(i, "power.limit.max", 1_000_000+100_000*i)
	s.SetGPU(i, "energy", 1_000_000*(i+1))
	for name, megahertz := range map[string]int{"graphics": 1200, "sm": 1300, "memory": 2600, "video": 1100} {
		s.SetGPU(i, "clock."+name, megahertz+i)
		s.SetGPU(i, "clock."+name+".max", megahertz+i+500)
	}
	s.SetGPU(i, "performance_state", i%16)
}

func (s Scenario) setHealth(i int) {
	s.SetGPU(i, "remapped.correctable", i+2)
	s.SetGPU(i, "remapped.uncorrectable", i+1)
	s.SetGPU(i, "remapped.pending", 0)
	s.SetGPU(i, "remapped.failed", 0)
	for _, policy := range []int{0, 1, 2, 3, 5} {
		s.SetGPU(i, fmt.Sprintf("violation.%d", policy), 1_000_000_000*(policy+1)*(i+1))
	}
	for _, field := range fields(i) {
		s.SetField(i, field.id, field.kind, field.value)
	}
}

type field struct {
	id    int
	kind  string
	value uint64
}

// fields returns what a healthy GPU answers, by the numbers of driver 580.82 and later.
func fields(gpu int) []field {
	i := uint64(gpu)
	const second = 1_000_000_000
	return []field{
		{3, "ulonglong", 10 + i},                 // corrected memory errors
		{4, "ulonglong", 1 + i},                  // uncorrected memory errors
		{29, "ulonglong", 2 + i},                 // pages retired for corrected errors
		{30, "ulonglong", 3 + i},                 // pages retired for uncorrected errors
		{31, "ulonglong", 0},                     // pages to be retired
		{74, "ulonglong", second * (i + 1)},      // held down by the power limit, ns
		{76, "ulonglong", 2 * second * (i + 1)},  // held down by the sync boost group, ns
		{82, "uint", 50 + i},                     // memory temperature, °C
		{138, "ulonglong", 1_000_000 * (i + 1)},  // sent over NVLink, KiB
		{139, "ulonglong", 2_000_000 * (i + 1)},  // received over NVLink, KiB
		{185, "uint", 100_000 * (i + 1)},         // average power, mW
		{186, "uint", 100_000*(i+1) + 500},       // power now, mW
		{197, "uint", 3_000_000 * (i + 1)},       // sent over PCIe, bytes
		{198, "uint", 4_000_000 * (i + 1)},       // received over PCIe, bytes
		{230, "uint", 0},                         // recovery action
		{269, "ulonglong", 3 * second * (i + 1)}, // slowed down by software for its temperature, ns
		{270, "ulonglong", 4 * second * (i + 1)}, // slowed down by hardware for its temperature, ns
		{271, "ulonglong", 5 * second * (i + 1)}, // slowed down by the power brake, ns
	}
}

func (s Scenario) setProcesses(i int) {
	first, second := 1000+10*i, 1001+10*i
	s.SetGPU(i, "processes", fmt.Sprintf("%d:2048,%d:1024", first, second))
	s.SetGPU(i, "processes.graphics", "")
	s.SetGPU(i, "process.utilization", fmt.Sprintf("%d:%d:4:0:0,%d:%d:2:0:0", first, 20+i, second, 10+i))
}

// setGPM sets the metrics of a GPU or MIG device. The graphics engine's is given; offset is added to the others.
func (s Scenario) setGPM(prefix string, graphics, offset float64) {
	s.Set(prefix+".gpm.1", graphics)
	for metric, value := range map[int]float64{
		2: 20.5, 3: 30.25, 5: 10.5, 10: 15.75, // SM, occupancy, tensor cores, memory bandwidth, in percent
		20: 100.5, 21: 200.5, 60: 300.5, 61: 400.5, // PCIe sent and received, NVLink received and sent, in MiB/s
	} {
		s.Set(fmt.Sprintf("%s.gpm.%d", prefix, metric), value+offset)
	}
}
