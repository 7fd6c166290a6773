import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_destinations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Provider",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(unique=True)),
                ("label", models.CharField(max_length=80)),
                ("issuer", models.CharField(max_length=300)),
                ("client_id", models.CharField(max_length=300)),
                ("sealed_secret", models.TextField(blank=True)),
                ("domains", models.JSONField(default=list)),
                ("proves_twice", models.BooleanField(default=False)),
                ("is_active", models.BooleanField(default=True)),
            ],
        ),
        migrations.CreateModel(
            name="Spent",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("until", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="Standing",
            fields=[
                (
                    "principal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="accounts.principal",
                    ),
                ),
                ("void_before", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Authenticator",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("sealed", models.TextField()),
                ("last_step", models.BigIntegerField()),
                ("added_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "principal",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.principal"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("credential", models.CharField(max_length=1400, unique=True)),
                ("public", models.BinaryField()),
                ("handle", models.CharField(db_index=True, max_length=64)),
                ("sign_count", models.BigIntegerField(default=0)),
                ("added_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "principal",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.principal"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("spoken_hash", models.CharField(blank=True, max_length=128)),
                ("made_by", models.BigIntegerField(default=0)),
                ("made_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "principal",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, to="accounts.principal"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Linked",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject", models.CharField(max_length=255)),
                ("linked_at", models.DateTimeField()),
                (
                    "principal",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.principal"),
                ),
                (
                    "provider",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.provider"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "subject"), name="linked_subject")
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("prefix", models.CharField(max_length=2)),
                ("rest_hash", models.CharField(max_length=128)),
                ("made_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "principal",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.principal"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("principal", "prefix"), name="recovery_code_prefix")
                ],
            },
        ),
        migrations.CreateModel(
            name="SignedIn",
            fields=[
                ("id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("began", models.DateTimeField()),
                ("seen", models.DateTimeField()),
                ("ended", models.DateTimeField(null=True)),
                ("why_ended", models.CharField(blank=True, max_length=20)),
                ("device", models.CharField(max_length=80)),
                ("device_hash", models.CharField(db_index=True, max_length=64)),
                ("is_new_device", models.BooleanField(default=False)),
                ("is_told", models.BooleanField(default=False)),
                ("methods", models.CharField(max_length=80)),
                ("strength", models.PositiveSmallIntegerField()),
                ("proved_at", models.DateTimeField(null=True)),
                (
                    "principal",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="accounts.principal"),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["principal", "ended"], name="signed_in_of")],
            },
        ),
    ]
