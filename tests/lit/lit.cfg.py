"""Tests of dialects and passes. The folders mirror the source tree."""

import os

import lit.formats

config.name = "llmc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.llmc_binary_dir, "tests", "lit")

# The build's own tools come before LLVM's FileCheck and not.
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.llmc_binary_dir, "bin"), config.llvm_tools_dir, os.environ["PATH"]]
)
# Code that llmc keeps stays in the build folder.
config.environment["XDG_CACHE_HOME"] = os.path.join(config.test_exec_root, "cache")

includes = [config.llmc_source_dir] + config.mlir_include_dirs.split(";")
config.substitutions.append(("%python", f'"{config.python}"'))
config.substitutions.append(
    (
        "%check_docs",
        f'"{config.python}" "{config.test_source_root}/check_docs.py" '
        f'--tblgen "{config.llvm_tools_dir}/llvm-tblgen" '
        + " ".join(f'-I "{path}"' for path in includes),
    )
)
config.substitutions.append(
    ("%check_pages", f'"{config.python}" "{config.test_source_root}/check_pages.py"')
)
config.substitutions.append(
    ("%check_readmes", f'"{config.python}" -B "{config.test_source_root}/check_readmes.py"')
)
config.substitutions.append(
    ("%check_examples", f'"{config.python}" -B "{config.test_source_root}/check_examples.py"')
)
config.substitutions.append(("%root", config.llmc_source_dir))
config.substitutions.append(
    ("%hot_loop", f'"{config.python}" -B "{config.test_source_root}/hot_loop.py"')
)
config.substitutions.append(
    ("%check_kernels", f'"{config.python}" -B "{config.test_source_root}/check_kernels.py"')
)
config.substitutions.append(
    ("%check_aarch64", f'"{config.python}" -B "{config.test_source_root}/check_aarch64.py"')
)
# The oracle needs Debian's python3-numpy, which only the system's Python has.
config.substitutions.append(("%numpy", "/usr/bin/python3 -B"))
config.substitutions.append(("%oracle", f"{config.llmc_source_dir}/tests/oracle"))
config.substitutions.append(("%models", f"{config.llmc_source_dir}/tests/models"))
# What the target llmc-docs writes.
config.substitutions.append(("%assembly", f"{config.llmc_binary_dir}/docs/kernels"))
config.substitutions.append(("%reference", f"{config.llmc_binary_dir}/docs/reference"))
# Every pass leaves IR that can be written and read again.
config.substitutions.append(("%opt", "llmc-opt --verify-roundtrip --split-input-file"))
# Remarks are checked as diagnostics, at the line of the operation.
config.substitutions.append(
    (
        "%remarks",
        "llmc-opt --split-input-file --verify-diagnostics --remark-policy=all"
        " --remark-format=emitRemark --remarks-filter=fuse -o /dev/null",
    )
)
