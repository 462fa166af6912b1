"""The main road, one file per step: propose, authorise, compute, guard, release, record, settle."""
