"""What is told of a machine."""

import platform

from lightning_compose.study import machine


def test_names_the_processor_and_torch(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast 3000 @ 1 GHz\nmodel name\t: Fast 3000\n")
    monkeypatch.setattr(machine, "CPU_FILE", tmp_path / "cpuinfo")
    monkeypatch.setenv("PATH", "")
    assert machine.describe_machine() == f"Fast 3000 @ 1 GHz, torch {machine.version('torch')}"


def test_names_gpus(monkeypatch, tmp_path):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA H100'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert ", NVIDIA H100, torch " in machine.describe_machine()


def test_tells_versions():
    told = machine.versions()
    assert told["python"] == platform.python_version()
    assert {"torch", "lightning", "diffusers"} <= set(told)
