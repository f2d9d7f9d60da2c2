"""What the service asks of a worker beside runs: to look at a target."""

from __future__ import annotations

from service.store import statuses, tasks
from service.store.tasks import TargetCheck, TaskFacts
from worker.errors import AccessionError
from worker.job import Workshop
from worker.targets.registry import make_adapter

TASK_LEASE_MS = 150_000


async def carry_out_task(shop: Workshop, task_id: str) -> None:
    """Claim the task and answer it; leave at once if it has ended or is another's."""
    claim = await shop.db.run(tasks.claim_task, task_id, TASK_LEASE_MS)
    if claim is None:
        return
    result = await check_target(shop, claim.task)
    await shop.db.run(tasks.end_task, claim, result)


async def check_target(shop: Workshop, task: TaskFacts) -> TargetCheck:
    """Prove address and key of a configured target."""
    name = task.target or ""
    settings = shop.settings.targets.get(name)
    if settings is None:
        return TargetCheck(
            ok=False, code="target-unknown", message=f"{name} is not in the worker's settings."
        )
    adapter = make_adapter(name, settings, shop.limiters.of(name, settings.connections))
    try:
        site = await adapter.prove()
    except AccessionError as error:
        result = TargetCheck(ok=False, code=error.code, message=error.message)
    else:
        result = TargetCheck(
            ok=True, message=f"{site.address} answers, and the key is good.", version=site.version
        )
    finally:
        await adapter.close()
    await shop.db.run(
        statuses.record_status,
        target=name,
        address=settings.api,
        ok=result.ok,
        message=result.message,
        version=result.version,
    )
    return result
