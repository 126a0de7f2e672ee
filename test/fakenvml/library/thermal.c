/* Temperatures and fans. */
#include "call.h"
#include "nvml_abi.h"

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_t *temperature) {
    struct call call;
    unsigned int celsius;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "temperature");
    if (result == NVML_SUCCESS && temperature->version != STRUCT_VERSION(nvmlTemperature_t, 1)) {
        result = NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (result == NVML_SUCCESS && temperature->sensorType != NVML_TEMPERATURE_GPU) {
        result = NVML_ERROR_INVALID_ARGUMENT;
    }
    if (result == NVML_SUCCESS) result = small_number(&call, &celsius, "temperature");
    if (result == NVML_SUCCESS) temperature->temperature = (int)celsius;
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, nvmlTemperatureSensors_t sensor, unsigned int *celsius) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "temperature");
    if (result == NVML_SUCCESS && sensor != NVML_TEMPERATURE_GPU) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS) result = small_number(&call, celsius, "temperature");
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, nvmlTemperatureThresholds_t type,
                                               unsigned int *celsius) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "threshold");
    if (result == NVML_SUCCESS) result = small_number(&call, celsius, "threshold.%u", (unsigned int)type);
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_t *margin) {
    struct call call;
    unsigned int celsius;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "temperature.margin");
    if (result == NVML_SUCCESS && margin->version != STRUCT_VERSION(nvmlMarginTemperature_t, 1)) {
        result = NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (result == NVML_SUCCESS) result = small_number(&call, &celsius, "temperature.margin");
    if (result == NVML_SUCCESS) margin->marginTemperature = (int)celsius;
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetNumFans(nvmlDevice_t device, unsigned int *count) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "fan.count");
    if (result == NVML_SUCCESS) result = small_number(&call, count, "fan.count");
    return leave(result);
}

nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned int fan, unsigned int *percent) {
    struct call call;
    unsigned int count = 0;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "fan");
    if (result == NVML_SUCCESS) result = small_number(&call, &count, "fan.count");
    if (result == NVML_SUCCESS && fan >= count) result = NVML_ERROR_INVALID_ARGUMENT;
    if (result == NVML_SUCCESS) result = small_number(&call, percent, "fan.%u.speed", fan);
    return leave(result);
}
