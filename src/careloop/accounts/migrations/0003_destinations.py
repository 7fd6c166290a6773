from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_sign_in_failures")]

    operations = [
        migrations.CreateModel(
            name="Destination",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(unique=True)),
                ("origin", models.CharField(max_length=300, unique=True)),
                ("is_inside", models.BooleanField(default=False)),
                ("is_plain", models.BooleanField(default=False)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                ("trouble", models.CharField(blank=True, max_length=60)),
                ("trouble_at", models.DateTimeField(null=True)),
            ],
        ),
    ]
