"""The night as an Airflow task; untested, see deploy/README.md. Stages resume by themselves, so one task with retries is enough."""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG("vitrine_night", schedule="30 2 * * *", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1):
    BashOperator(
        task_id="night",
        cwd="{{ var.value.vitrine_folder }}",
        bash_command=".venv/bin/vitrine nightly --config configs/nightly.toml",
        retries=2,
        retry_delay=timedelta(minutes=5),
        skip_on_exit_code=3,  # a gate refused the release; the champion stays
    )
