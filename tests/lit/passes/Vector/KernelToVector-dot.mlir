// RUN: sed s/DOT/vnni512/ %s | llmc-opt --kernel-to-vector | FileCheck %s --check-prefix=VNNI512
// RUN: sed s/DOT/vnni256/ %s | llmc-opt --kernel-to-vector | FileCheck %s --check-prefix=VNNI256
// RUN: sed s/DOT/avx2/ %s | llmc-opt --kernel-to-vector | FileCheck %s --check-prefix=AVX2
// RUN: sed s/DOT/neon/ %s | llmc-opt --kernel-to-vector | FileCheck %s --check-prefix=NEON
// RUN: sed s/DOT/dotprod/ %s | llmc-opt --kernel-to-vector | FileCheck %s --check-prefix=DOTPROD
// RUN: sed s/DOT/i8mm/ %s | llmc-opt --kernel-to-vector | FileCheck %s --check-prefix=I8MM
// RUN: sed s/DOT/plain/ %s | llmc-opt --kernel-to-vector | FileCheck %s --check-prefix=PLAIN

// The target says what dot products are made of.

!b = !kernel.buffer<16 x f32>
!p = !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32, 128, 32], sums = []>
!q4_0 = tensor<16x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!q8_0 = tensor<16x64x!llm.block<q8_0>, #llm.packed<rows = 16>>

// PLAIN-NOT: llvm.call_intrinsic

// VNNI512-LABEL: func.func private @matmul.q4_0.t1(
// VNNI512: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%{{.*}}) : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
// VNNI256-LABEL: func.func private @matmul.q4_0.t1(
// VNNI256: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"(%{{.*}}) : (vector<8xi32>, vector<32xi8>, vector<32xi8>) -> vector<8xi32>
// Two products of a weight below 128 fit into 16 bits, of a larger one they do not.
// AVX2-LABEL: func.func private @matmul.q4_0.t1(
// AVX2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// AVX2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// AVX2-LABEL: func.func private @matmul.q8_0.t1(
// AVX2-NOT: llvm.x86.avx2.pmadd.ub.sw
// AVX2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// AVX2-NOT: llvm.x86.avx2.pmadd.ub.sw
// Where both factors are signed bytes, those of Q8_0 are made signed again and their sums begin at zero.
// NEON-LABEL: func.func private @matmul.q4_0.t1(
// NEON: llvm.call_intrinsic "llvm.aarch64.neon.smull.v8i16"(%{{.*}}) : (vector<8xi8>, vector<8xi8>) -> vector<8xi16>
// NEON: llvm.call_intrinsic "llvm.aarch64.neon.addp.v8i16"
// NEON: llvm.call_intrinsic "llvm.aarch64.neon.saddlp.v4i32.v8i16"
// DOTPROD-LABEL: func.func private @matmul.q4_0.t1(
// DOTPROD-NOT: arith.xori
// DOTPROD: llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%{{.*}}) : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
// DOTPROD-LABEL: func.func private @matmul.q8_0.t1(
// DOTPROD: arith.xori %{{.*}} : vector<16xi32>
// DOTPROD: llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"
// I8MM-LABEL: func.func private @matmul.q8_0.t1(
// I8MM-NOT: arith.xori
// I8MM: llvm.call_intrinsic "llvm.aarch64.neon.usdot.v4i32.v16i8"(%{{.*}}) : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
module attributes {kernel.target = #kernel.target<dot = DOT, tiles = [1], max_rows = 1>} {

llm.weight @a : !q4_0 from "a"
llm.weight @b : !q8_0 from "b"

func.func @products(%p: !p, %out: !b) {
  %a = kernel.get_weight @a : !q4_0
  kernel.matmul %p, %a, %out : !p, !q4_0, !b
  %b = kernel.get_weight @b : !q8_0
  kernel.matmul %p, %b, %out : !p, !q8_0, !b
  return
}

}
