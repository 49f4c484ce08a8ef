"""Push a model's samples every N steps; read FID and HYPE back.

    HYPE_URL=https://... HYPE_TOKEN=hype_... python training_loop.py real.zip

The token needs the scopes read, write:samples and write:studies.
"""

import os
import sys

from model import save_samples, train_one_step  # yours

from hypeweb.client import Client  # copy that one file

N_STEPS, EVERY = 3000, 1000
client = Client(os.environ["HYPE_URL"], token=os.environ["HYPE_TOKEN"])
real = client.upload_sample_set(sys.argv[1], name="Training data", origin="real")

arms = []
for step in range(1, N_STEPS + 1):
    train_one_step()
    if step % EVERY == 0:
        made = client.upload_sample_set(
            save_samples(f"{step}.zip"),
            name=f"Step {step}",
            origin="generated",
            model_name="mine",
            step=step,
        )
        arms.append(made["id"])

study = client.create_study(
    name="Checkpoints",
    real_set=real["id"],
    arms=arms,
    sweep_axis="step",
    extractor=os.environ.get("EXTRACTOR", "inception-v3-fid"),
    n_real=25,
    n_fake=25,
)
slug = study["slug"]
for made, run in client.wait_for_evaluations(slug).items():
    numbers = {result["name"]: result["value"] for result in run["results"]}
    print(f"sample set {made}: FID {numbers['fid']:.1f}")

print("Invite people:", client.open_study(slug)["invitation_url"])
client.wait_for_sessions(slug, per_arm=int(os.environ.get("N_PEOPLE", "30")))
for score in client.items(f"/studies/{slug}/scores", population="people"):
    if score["kind"] == "hype_inf":
        print(f"{score['arm']}: HYPE {score['value']:.1%}")
