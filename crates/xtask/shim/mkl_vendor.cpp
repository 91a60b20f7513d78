// MKL, inside libtorch, asks this function for the maker of the processor and falls back to its
// slowest kernels on any but Intel's. It still chooses kernels by what the processor can do, so this
// answer only lets an AMD processor use the AVX2 and AVX-512 kernels that it has: twice the speed of
// a matrix product (`cargo xtask bench train` shows what that gives).
extern "C" int mkl_serv_intel_cpu_true() {
    return 1;
}
