# A function for each fault; `clean` has what looks like them and is none.
clean:
	pushq	%rbp
	vmovaps	%zmm1, 64(%rsp)
.LBB0_1:
	movq	8(%rsp), %rax
	movl	(%rdi,%rcx,4), %edx
	vmovdqa64	64(%rbp), %zmm2
	vmovdqu64	%zmm3, (%rsi)
	vpdpbusd	4(%rbx){1to16}, %zmm2, %zmm1
	vbroadcastss	(%rbx), %zmm4
	cmpq	%rax, %rcx
	jl	.LBB0_1
	vmovups	(%rsi), %ymm1
	vaddss	%xmm1, %xmm2, %xmm3
	retq
.Lfunc_end0:
stack:
.LBB1_1:
	vpdpbusd	(%rbx){1to16}, %zmm2, %zmm1
	vpaddd	-64(%rsp), %zmm1, %zmm1
	jl	.LBB1_1
.Lfunc_end1:
frame:
	movq	%rsp, %rbp
.LBB2_1:
	vfmadd231ps	%zmm1, %zmm2, %zmm3
	vmovaps	%zmm1, 64(%rbp)                 # 64-byte Spill
	jl	.LBB2_1
.Lfunc_end2:
scalar:
.LBB3_1:
	vpdpbusd	(%rbx){1to16}, %zmm2, %zmm1
	vmulss	%xmm1, %xmm2, %xmm3
	jl	.LBB3_1
.Lfunc_end3:
indexed:
.LBB4_1:
	vpdpbusd	8(%rbx,%rcx){1to16}, %zmm2, %zmm1
	jl	.LBB4_1
.Lfunc_end4:
narrow:
.LBB5_1:
	vmovdqa	(%rbx), %ymm2
	vpdpbusd	%ymm4, %ymm2, %ymm1
	jl	.LBB5_1
.Lfunc_end5:
unaligned:
.LBB6_1:
	vmovups	(%rbx), %zmm2
	vfmadd231ps	(%rsi){1to16}, %zmm2, %zmm3
	jl	.LBB6_1
.Lfunc_end6:
# The innermost of two loops, and not what divides.
nested:
.LBB7_1:
	vmovdqu64	(%rbx), %zmm2
.LBB7_2:
	vpdpbusd	(%rbx){1to16}, %zmm2, %zmm1
	jl	.LBB7_2
	jmp	.LBB7_1
.LBB7_4:
	vfmadd231ps	(%rsp), %zmm2, %zmm3
	vdivps	%zmm1, %zmm2, %zmm3
	jl	.LBB7_4
.Lfunc_end7:
