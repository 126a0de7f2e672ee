package workload

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseDeviceID(t *testing.T) {
	const gpu = "GPU-5a2c1e7f-8b3d-4c6e-9f01-23456789abcd"
	const mig = "MIG-1d4e7a90-5b6c-5d2f-8e13-fedcba987654"
	for id, want := range map[string]device{
		gpu:                 {uuid: gpu, minor: -1, gpuInstance: -1},
		gpu + "::0":         {uuid: gpu, minor: -1, gpuInstance: -1},
		gpu + "::15":        {uuid: gpu, minor: -1, gpuInstance: -1},
		mig:                 {uuid: mig, minor: -1, gpuInstance: -1},
		mig + "::3":         {uuid: mig, minor: -1, gpuInstance: -1},
		"nvidia0":           {minor: 0, gpuInstance: -1},
		"nvidia15":          {minor: 15, gpuInstance: -1},
		"nvidia0/vgpu1":     {minor: 0, gpuInstance: -1},
		"nvidia3/gi0":       {minor: 3, gpuInstance: 0},
		"nvidia0/gi13":      {minor: 0, gpuInstance: 13},
		"nvidia0/gi1/vgpu0": {minor: 0, gpuInstance: 1},
		// Drivers before 470 named MIG devices by the GPU and both instances.
		"MIG-" + gpu + "/1/0": {uuid: "MIG-" + gpu + "/1/0", minor: -1, gpuInstance: -1},
	} {
		got, ok := parseDeviceID(id)
		require.True(t, ok, id)
		require.Equal(t, want, got, id)
	}
	for _, id := range []string{
		"", "0", "0:1", "12", "0000:3b:00.0", "5a2c1e7f-8b3d-4c6e-9f01-23456789abcd", "mlx5_0", "tegra", "gpu-0",
		"nvidia", "nvidiactl", "nvidia-uvm", "nvidia-1", "nvidia+1", "nvidia 1", "nvidia1/", "nvidia0/gi", "nvidia0/gi-1",
		"nvidia0/gi1/", "nvidia0/gi1/gi2", "nvidia/gi1", "nvidia0/vgpu", "nvidia0/vgpux", "nvidia0/vgpu1/gi1",
		"nvidia0/vgpu0/vgpu1", "xnvidia0", "nvidia99999999999999999999",
	} {
		_, ok := parseDeviceID(id)
		require.False(t, ok, id)
	}
}

func TestParseClaimedDevice(t *testing.T) {
	got, ok := parseClaimedDevice("gpu.nvidia.com", "gpu-7")
	require.True(t, ok)
	require.Equal(t, device{minor: 7, gpuInstance: -1}, got)
	for _, tt := range [][2]string{
		{"gpu.example.com", "gpu-7"}, {"compute-domain.nvidia.com", "channel-0"}, {"gpu.nvidia.com", "gpu-0-mig-1g10gb-19-0"},
		{"gpu.nvidia.com", "gpu-vfio-0"}, {"gpu.nvidia.com", "gpu-"}, {"gpu.nvidia.com", "7"}, {"gpu.nvidia.com", ""},
	} {
		_, ok := parseClaimedDevice(tt[0], tt[1])
		require.False(t, ok, tt)
	}
}

// FuzzParseDeviceID reads ids of any content. What is found must be a UUID or a place, never both.
func FuzzParseDeviceID(f *testing.F) {
	f.Fuzz(func(t *testing.T, id string) {
		d, ok := parseDeviceID(id)
		if !ok {
			return
		}
		if d.uuid != "" {
			require.Equal(t, deviceByUUID(d.uuid), d)
			require.Contains(t, id, d.uuid)
			return
		}
		require.GreaterOrEqual(t, d.minor, 0)
		require.GreaterOrEqual(t, d.gpuInstance, -1)
	})
}
