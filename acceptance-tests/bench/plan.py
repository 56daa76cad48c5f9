#!/usr/bin/env python3
"""Wall time, memory and state of `plan` and `apply` with many policies, beside `terraform_data`.

Usage: plan.py FOLDER_WITH_BINARIES [--counts 1,200,1000] [--presets fast,standard] [--runs 3]
Each count is run with a forecast and a policy a service, and with as many `terraform_data`; the load is a seeded series of
four weeks of hours, another one a service. Prints a Markdown table: median seconds (minimum - maximum), peak memory of
Terraform and provider together, bytes of state for a policy and its data source together.
"""
import argparse, json, math, os, random, resource, shutil, statistics, subprocess, sys, tempfile, threading, time

REQUIRED = 'terraform {\n  required_providers {\n    stormglass = { source = "stormglass-rs/stormglass" }\n  }\n}\n'


def series(seed, hours=24 * 28):
    """A day and a week with noise, `timestamp,value`."""
    rng, rows = random.Random(seed), ["timestamp,value"]
    for i in range(hours):
        day, hour = divmod(i, 24)
        week = 0.7 if day % 7 >= 5 else 1.0
        value = week * (600 - 420 * math.cos(2 * math.pi * (hour - 3) / 24)) * rng.uniform(0.9, 1.1)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1790553600 + 3600 * i))
        rows.append(f"{stamp},{value:.1f}")
    return "\n".join(rows) + "\n"


SERVICE = REQUIRED + """
variable "name" { type = string }
variable "preset" { type = string }

data "stormglass_capacity_forecast" "this" {
  source   = { csv = { path = "load/${var.name}.csv" } }
  preset   = var.preset
  capacity = { per_unit = 100, min = 2, max = 30 }
}

resource "stormglass_predictive_scaling_policy" "this" {
  capacity_plan = data.stormglass_capacity_forecast.this.capacity_plan
  target        = { file = { path = "schedules/${var.name}.json" } }
}
"""


def services(count, preset):
    """A module a service, as `modules/predictive-scaling` is used."""
    return REQUIRED + f"""
module "service" {{
  source   = "./service"
  for_each = toset([for i in range({count}) : tostring(i)])
  name     = each.key
  preset   = "{preset}"
}}
"""


def plain(count, size=0):
    """`terraform_data` with a short text each, or with so many bytes of state as a policy and its forecast have."""
    text = "x" * (size // 2)
    return f'resource "terraform_data" "all" {{\n  count = {count}\n  input = "value ${{count.index}} {text}"\n}}\n'


def tree_memory(pid):
    """Resident bytes of a process and all below it."""
    parents, sizes = {}, {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()
                parents[int(name)], sizes[int(name)] = int(fields[1]), int(fields[21]) * resource.getpagesize()
            except OSError:
                pass
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        total += sizes.get(one, 0)
        todo += [p for p, parent in parents.items() if parent == one]
    return total


def run(args, folder, env):
    begun, peak = time.monotonic(), 0
    process = subprocess.Popen(args, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    out = []
    reader = threading.Thread(target=lambda: out.append(process.stdout.read()))
    reader.start()
    while process.poll() is None:
        peak = max(peak, tree_memory(process.pid))
        time.sleep(0.05)
    reader.join()
    if process.returncode:
        sys.exit(f"{' '.join(args)} ended with {process.returncode}:\n{out[0][-3000:]}")
    return time.monotonic() - begun, peak


def shown(times):
    return f"{statistics.median(times):.2f} ({min(times):.2f} - {max(times):.2f})"


def measure(name, hcl, count, runs, terraform, binaries):
    folder = tempfile.mkdtemp(prefix="stormglass-bench")
    try:
        os.makedirs(f"{folder}/load")
        os.makedirs(f"{folder}/schedules")
        os.makedirs(f"{folder}/service")
        open(f"{folder}/service/main.tf", "w").write(SERVICE)
        for i in range(count):
            open(f"{folder}/load/{i}.csv", "w").write(series(i))
        open(f"{folder}/main.tf", "w").write(hcl)
        rc = f"{folder}/terraform.rc"
        open(rc, "w").write(f'provider_installation {{\n  dev_overrides {{\n    "stormglass-rs/stormglass" = {json.dumps(binaries)}\n  }}\n  direct {{}}\n}}\n')
        env = dict(os.environ, TF_CLI_CONFIG_FILE=rc, CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", STORMGLASS_CACHE="off")
        # Neither needs a registry: the provider is overridden, `terraform_data` is built in.
        run([terraform, "get" if "module" in hcl else "init"], folder, env)
        plans = [run([terraform, "plan", "-input=false", "-no-color"], folder, env) for _ in range(runs)]
        apply = run([terraform, "apply", "-input=false", "-no-color", "-auto-approve"], folder, env)
        again = [run([terraform, "plan", "-input=false", "-no-color"], folder, env) for _ in range(runs)]
        state = json.load(open(f"{folder}/terraform.tfstate"))
        each = sum(len(json.dumps(i)) for r in state["resources"] for i in r["instances"]) // count
        memory = "{:.0f} / {:.0f}".format(max(p for _, p in plans + again) / 1e6, apply[1] / 1e6)
        print(f"| {name} | {count} | {shown([t for t, _ in plans])} | {apply[0]:.2f} | {shown([t for t, _ in again])} | {memory} | {each} |", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries")
    parser.add_argument("--counts", default="1,200,1000")
    parser.add_argument("--presets", default="fast,standard")
    parser.add_argument("--runs", type=int, default=3)
    a = parser.parse_args()
    terraform = os.environ.get("STORMGLASS_TERRAFORM") or shutil.which("terraform") or sys.exit("terraform is not on PATH")
    print("| objects | count | plan s | apply s | plan again s | peak MB plan / apply | state bytes each |\n|---|---|---|---|---|---|---|", flush=True)
    for count in map(int, a.counts.split(",")):
        measure("terraform_data", plain(count), count, a.runs, terraform, a.binaries)
        measure("terraform_data, 12 KB each", plain(count, 12_000), count, a.runs, terraform, a.binaries)
        for preset in a.presets.split(","):
            measure(f"forecast and policy, `{preset}`", services(count, preset), count, a.runs, terraform, a.binaries)
