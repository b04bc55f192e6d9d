#!/bin/sh
# Interesting are modules with layers in which a norm follows an llm.silu.
grep -q llm.layers "$1" && grep -A1 llm.silu "$1" | grep -q llm.rms_norm
