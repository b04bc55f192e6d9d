// RUN: llmc-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{max_rows must be positive}}
func.func private @target() attributes {a = #kernel.target<dot = plain, tiles = [1], max_rows = 0>}

// -----
// expected-error @+1 {{tiles must ascend from 1 to at most 16}}
func.func private @target() attributes {a = #kernel.target<dot = plain, tiles = [2, 4], max_rows = 1>}

// -----

// expected-error @below {{lines are asked for 64 bytes to 1 MiB ahead, in whole lines, not 100}}
func.func private @target() attributes {a = #kernel.memory<far = 100, near = 64, panels = 65536>}

// -----

// expected-error @below {{panels take 64 KiB to 256 MiB, not 1}}
func.func private @target() attributes {a = #kernel.memory<far = 128, near = 64, panels = 1>}

// -----
// expected-error @+1 {{tiles must ascend from 1 to at most 16}}
func.func private @target() attributes {a = #kernel.target<dot = plain, tiles = [1, 4, 2], max_rows = 1>}

// -----
// expected-error @+1 {{tiles must ascend from 1 to at most 16}}
func.func private @target() attributes {a = #kernel.target<dot = plain, tiles = [1, 5, 9, 13, 17], max_rows = 1>}

// -----
// expected-error @+1 {{neighbouring tiles may differ by at most 8}}
func.func private @target() attributes {a = #kernel.target<dot = plain, tiles = [1, 10], max_rows = 1>}

// -----
// expected-error @+1 {{a buffer has at least one column, not 0}}
func.func private @type(!kernel.buffer<0 x f32>)

// -----
// expected-error @+1 {{a buffer holds f32 or i32, not 'f64'}}
func.func private @type(!kernel.buffer<8 x f64>)

// -----
// expected-error @+1 {{packed activations are f32 or i8, not 'f16'}}
func.func private @type(!kernel.packed<64 x f16, tiles = [1], corrections = [], sums = []>)

// -----
// expected-error @+1 {{packed activations have at least one column, not -32}}
func.func private @type(!kernel.packed<-32 x i8, tiles = [1], corrections = [], sums = []>)

// -----
// expected-error @+1 {{quantized activations need a multiple of 32 columns, not 40}}
func.func private @type(!kernel.packed<40 x i8, tiles = [1], corrections = [], sums = []>)

// -----
// expected-error @+1 {{corrections are pairs of an offset and a length}}
func.func private @type(!kernel.packed<64 x i8, tiles = [1], corrections = [8], sums = []>)

// -----
// expected-error @+1 {{a correction is over at least one element, not 0}}
func.func private @type(!kernel.packed<64 x i8, tiles = [1], corrections = [8, 0], sums = []>)

// -----
// expected-error @+1 {{a sum is over at least one element, not -1}}
func.func private @type(!kernel.packed<64 x i8, tiles = [1], corrections = [], sums = [32, -1]>)

// -----
// expected-error @+1 {{tiles must ascend from 1 to at most 16}}
func.func private @type(!kernel.packed<64 x i8, tiles = [2], corrections = [], sums = []>)

// -----
// expected-error @+1 {{heads, queries and value of parts must be positive}}
func.func private @type(!kernel.parts<heads = 1, queries = 0, value = 8>)
